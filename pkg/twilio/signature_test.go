package twilio_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"
	"pgregory.net/rapid"

	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

const (
	form     = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// delivery is a request as the server sees it, behind whatever proxies.
type delivery struct {
	base, target string // PUBLIC_BASE_URL and the request's target
	contentType  string
	body         string
	signature    string
	method       string // default POST
}

func (d delivery) verify(tokens ...string) error {
	method := d.method
	if method == "" {
		method = "POST"
	}
	r := httptest.NewRequest(method, d.target, nil)
	r.Host = "internal.proxy:8080" // never part of what is signed
	r.Header.Set("X-Forwarded-Host", "evil.example.com")
	if d.contentType != "" {
		r.Header.Set("Content-Type", d.contentType)
	}
	if d.signature != "" {
		r.Header.Set(twilio.SignatureHeader, d.signature)
	}
	return twilio.Verifier{BaseURL: d.base}.Verify(tokens, r, []byte(d.body))
}

// sign is the scheme as documented, by a way of its own: the signature of
// text under key.
func sign(key, text string) string {
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func sum(body string) string {
	hash := sha256.Sum256([]byte(body))
	return hex.EncodeToString(hash[:])
}

const (
	formA   = "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212"
	formC   = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
	formB   = formC + "&ReasonConferenceEnded=test&Reason=Participant"
	formJ   = "AccountSid=AC00000000000000000000000000000001&CallSid=CA00000000000000000000000000000001&ErrorCode=0&RecordingChannels=2&RecordingDuration=13&RecordingSid=RE00000000000000000000000000000001&RecordingSource=StartCallRecordingAPI&RecordingStartTime=Tue%2C+24+Mar+2026+18%3A15%3A40+%2B0000&RecordingStatus=completed&RecordingTrack=both&RecordingUrl=https%3A%2F%2Fapi.twilio.com%2F2010-04-01%2FAccounts%2FAC00000000000000000000000000000001%2FRecordings%2FRE00000000000000000000000000000001"
	formK   = "CallSid=CA00000000000000000000000000000001&CallStatus=completed&CallerName=+Jos%C3%A9+%26+S%C3%B6hne+&Empty=&From=%2B15005550006&To=%2B15005550001"
	bodyH   = `{"property": "value", "boolean": true}`
	hashH   = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
	bodyL   = `[{"type":"com.twilio.eventstreams.test-event","id":"AC00000000000000000000000000000001","data":{"test_id":"t-1"}}]`
	hashL   = "ed3c495a3250131f39c252f0f5499913c0702257bc13ae90d022a03f064be90c"
	company = "https://mycompany.com"
	app     = "https://app.example.com"
)

// vectors are signatures that are published, that Twilio's own libraries test
// with, or that were computed by two other implementations.
var vectors = map[string]struct {
	token string
	delivery
}{
	"A published":          {"12345", delivery{base: "https://example.com", target: "/myapp.php?foo=1&bar=2", contentType: form, body: formA, signature: "L/OH5YylLD5NRKLltdqwSvS0BnU="}},
	"B twilio-go":          {"12345", delivery{base: company, target: "/myapp.php?foo=1&bar=2", contentType: form, body: formB, signature: "vOEb5UThFn24KEfnOFLQY2AE5FY="}},
	"C twilio-python":      {"12345", delivery{base: company, target: "/myapp.php?foo=1&bar=2", contentType: form, body: formC, signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
	"D signed with :443":   {"12345", delivery{base: company, target: "/myapp.php?foo=1&bar=2", contentType: form, body: formC, signature: "kvajT1Ptam85bY51eRf/AJRuM3w="}},
	"E signed with :80":    {"12345", delivery{base: "http://mycompany.com", target: "/myapp.php?foo=1&bar=2", contentType: form, body: formC, signature: "0ZXoZLH/DfblKGATFgpif+LLRf4="}},
	"F signed with :1234":  {"12345", delivery{base: "http://mycompany.com:1234", target: "/myapp.php?foo=1&bar=2", contentType: form, body: formC, signature: "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="}},
	"G repeated fields":    {"12345", delivery{base: company, target: "/myapp.php?foo=1&bar=2", contentType: form, body: "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234", signature: "IK+Dwps556ElfBT0I3Rgjkr1wJU="}},
	"H JSON":               {"12345", delivery{base: company, target: "/myapp.php?foo=1&bar=2&bodySHA256=" + hashH, contentType: jsonType, body: bodyH, signature: "a9nBmqA0ju/hNViExpshrM61xv4="}},
	"I JSON, no query":     {"12345", delivery{base: company, target: "/myapp.php?bodySHA256=" + hashH, contentType: jsonType, body: bodyH, signature: "y77kIzt2vzLz71DgmJGsen2scGs="}},
	"J recording callback": {token, delivery{base: app, target: "/twilio/recording", contentType: form, body: formJ, signature: "D6mKA6Ue0PWiEOkDyTq0EmJ14rE="}},
	"J signed with :443":   {token, delivery{base: app, target: "/twilio/recording", contentType: form, body: formJ, signature: "jSTE4sGopaR8xj+498ZgMhaAeLs="}},
	"K spaces and umlauts": {token, delivery{base: app, target: "/twilio/call-status?org=7", contentType: form, body: formK, signature: "vcUo/pZgI7iwJxtSAOKLKtw2jjw="}},
	"L events":             {token, delivery{base: app, target: "/twilio/events?bodySHA256=" + hashL, contentType: jsonType, body: bodyL, signature: "hoM1pbQ5fxqcQLpCKHENJViJz7Q="}},
	"L events, org":        {token, delivery{base: app, target: "/twilio/events?org=7&bodySHA256=" + hashL, contentType: jsonType, body: bodyL, signature: "pZek+UBPh/U+CjP0/7IXjUQWoFo="}},
	"L events, port":       {token, delivery{base: app + ":8443", target: "/twilio/events?bodySHA256=" + hashL, contentType: jsonType, body: bodyL, signature: "Y+HO8BKIyFRYeG2itoJfWxUqk2k="}},
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for name, v := range vectors {
		if err := v.verify(v.token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := v.verify("", "another", v.token); err != nil {
			t.Errorf("%s, by the secondary token: %v", name, err)
		}
		for change, spoilt := range spoil(v.delivery) {
			if err := spoilt.verify(v.token); schema.CodeOf(err) != schema.Forbidden {
				t.Errorf("%s, %s: got %v, want Forbidden", name, change, err)
			}
		}
		if err := v.verify(v.token + "x"); schema.CodeOf(err) != schema.Forbidden {
			t.Errorf("%s, another's token: got %v, want Forbidden", name, err)
		}
	}
}

// spoil returns the delivery changed in ways that its signature must notice.
func spoil(d delivery) map[string]delivery {
	change := func(f func(*delivery)) delivery {
		other := d
		f(&other)
		return other
	}
	return map[string]delivery{
		"no signature":     change(func(d *delivery) { d.signature = "" }),
		"short signature":  change(func(d *delivery) { d.signature = d.signature[:20] }),
		"not base64":       change(func(d *delivery) { d.signature = "!" + d.signature[1:] }),
		"hex signature":    change(func(d *delivery) { d.signature = strings.Repeat("ab", 20) }),
		"other signature":  change(func(d *delivery) { d.signature = sign("other", "text") }),
		"byte appended":    change(func(d *delivery) { d.body += "x" }),
		"byte removed":     change(func(d *delivery) { d.body = d.body[:len(d.body)-1] }),
		"field appended":   change(func(d *delivery) { d.body += "&To=%2B15005550009" }),
		"no body":          change(func(d *delivery) { d.body = "" }),
		"other path":       change(func(d *delivery) { d.target = "/other" + d.target }),
		"trailing slash":   change(func(d *delivery) { d.target = strings.Replace(d.target, "?", "/?", 1) + "/" }),
		"query appended":   change(func(d *delivery) { d.target = strings.Replace(d.target+"&x=1", "/recording&", "/recording?", 1) }),
		"other host":       change(func(d *delivery) { d.base = "https://evil.example.com" }),
		"other scheme":     change(func(d *delivery) { d.base = "ws" + strings.TrimPrefix(d.base, "http") }),
		"unknown encoding": change(func(d *delivery) { d.contentType = "text/plain"; d.body += " " }),
	}
}

// What follows is signed here by the documented rule, spelled out: the text
// that Twilio signs, and the request that arrives.
func TestSpellings(t *testing.T) {
	t.Parallel()
	const body = "A=1&B=2"
	cases := map[string]struct {
		text string // signed
		delivery
	}{
		"content type with charset":      {app + "/xA1B2", delivery{base: app, target: "/x", contentType: form + "; charset=UTF-8", body: body}},
		"content type in capitals":       {app + "/xA1B2", delivery{base: app, target: "/x", contentType: "Application/X-WWW-Form-URLEncoded", body: body}},
		"content type with a bad tail":   {app + "/xA1B2", delivery{base: app, target: "/x", contentType: form + "; charset", body: body}},
		"base with a slash":              {app + "/xA1B2", delivery{base: app + "/", target: "/x", contentType: form, body: body}},
		"base with a path":               {app + "/calls/xA1B2", delivery{base: app + "/calls", target: "/x", contentType: form, body: body}},
		"base with a fragment":           {app + "/xA1B2", delivery{base: app + "#rc=3&rp=all", target: "/x", contentType: form, body: body}},
		"credentials dropped":            {app + "/xA1B2", delivery{base: "https://user:pass@app.example.com", target: "/x", contentType: form, body: body}},
		"credentials kept":               {"https://user:pass@app.example.com/xA1B2", delivery{base: "https://user:pass@app.example.com", target: "/x", contentType: form, body: body}},
		"credentials kept, port added":   {"https://user:pass@app.example.com:443/xA1B2", delivery{base: "https://user:pass@app.example.com", target: "/x", contentType: form, body: body}},
		"port dropped":                   {app + "/xA1B2", delivery{base: app + ":8443", target: "/x", contentType: form, body: body}},
		"default port written":           {app + "/xA1B2", delivery{base: app + ":443", target: "/x", contentType: form, body: body}},
		"IPv6":                           {"https://[2001:db8::1]/xA1B2", delivery{base: "https://[2001:db8::1]", target: "/x", contentType: form, body: body}},
		"IPv6, port added":               {"https://[2001:db8::1]:443/xA1B2", delivery{base: "https://[2001:db8::1]", target: "/x", contentType: form, body: body}},
		"IPv6, port dropped":             {"https://[2001:db8::1]/xA1B2", delivery{base: "https://[2001:db8::1]:8443", target: "/x", contentType: form, body: body}},
		"order and escapes of the query": {app + "/x?b=%2F&a=1&&c=A1B2", delivery{base: app, target: "/x?b=%2F&a=1&&c=", contentType: form, body: body}},
		"bare question mark":             {app + "/x?A1B2", delivery{base: app, target: "/x?", contentType: form, body: body}},
		"escaped path":                   {app + "/x%2Fy%20z'A1B2", delivery{base: app, target: "/x%2Fy%20z'", contentType: form, body: body}},
		"apostrophe signed plain":        {app + "/x?n=O'Hara%20%26%20CoA1B2", delivery{base: app, target: "/x?n=O%27Hara+%26+Co", contentType: form, body: body}},
		"apostrophe signed escaped":      {app + "/x?n=O%27HaraA1B2", delivery{base: app, target: "/x?n=O'Hara", contentType: form, body: body}},
		"names sorted by bytes":          {app + "/xA1Z3a2", delivery{base: app, target: "/x", contentType: form, body: "a=2&Z=3&A=1"}},
		"values sorted, each once":       {app + "/xD1D12D2", delivery{base: app, target: "/x", contentType: form, body: "D=2&D=12&D=1&D=2"}},
		"spaces and line ends kept":      {app + "/xA 1\r\n ", delivery{base: app, target: "/x", contentType: form, body: "A=+1%0D%0A+"}},
		"semicolons in a value":          {app + "/xA1;B=2", delivery{base: app, target: "/x", contentType: form, body: "A=1;B=2"}},
		"field without a value":          {app + "/xAB", delivery{base: app, target: "/x", contentType: form, body: "A&B="}},
		"empty form":                     {app + "/x", delivery{base: app, target: "/x", contentType: form}},
		"GET":                            {app + "/x?CallSid=CA1&To=%2B1", delivery{base: app, target: "/x?CallSid=CA1&To=%2B1", method: "GET"}},
		"JSON of no declared type":       {app + "/x?bodySHA256=" + sum(body), delivery{base: app, target: "/x?bodySHA256=" + sum(body), body: body}},
		"JSON declared as a form":        {app + "/x?bodySHA256=" + sum(body), delivery{base: app, target: "/x?bodySHA256=" + sum(body), contentType: form, body: body}},
		"hash in capitals":               {app + "/x?bodySHA256=" + strings.ToUpper(sum(body)), delivery{base: app, target: "/x?bodySHA256=" + strings.ToUpper(sum(body)), contentType: jsonType, body: body}},
		"hash after another":             {app + "/x?bodySHA256=0&bodySHA256=" + sum(body), delivery{base: app, target: "/x?bodySHA256=0&bodySHA256=" + sum(body), contentType: jsonType, body: body}},
	}
	for name, c := range cases {
		c.signature = sign(token, c.text)
		if err := c.verify(token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Rightly signed, but the signature does not cover all of the request.
func TestSignedButNotProven(t *testing.T) {
	t.Parallel()
	const body = `[{"id":"1"}]`
	cases := map[string]struct {
		text string
		delivery
	}{
		"JSON without a hash":               {app + "/x", delivery{base: app, target: "/x", contentType: jsonType, body: body}},
		"no type, no hash":                  {app + "/x", delivery{base: app, target: "/x", body: body}},
		"empty body without a hash":         {app + "/x", delivery{base: app, target: "/x", contentType: jsonType}},
		"GET with a body":                   {app + "/x", delivery{base: app, target: "/x", method: "GET", body: body}},
		"hash of another body":              {app + "/x?bodySHA256=" + sum("other"), delivery{base: app, target: "/x?bodySHA256=" + sum("other"), contentType: jsonType, body: body}},
		"empty hash":                        {app + "/x?bodySHA256=", delivery{base: app, target: "/x?bodySHA256=", contentType: jsonType, body: body}},
		"hash and more":                     {app + "/x?bodySHA256=" + sum(body) + "zz", delivery{base: app, target: "/x?bodySHA256=" + sum(body) + "zz", contentType: jsonType, body: body}},
		"only the first of repeated fields": {app + "/xD1", delivery{base: app, target: "/x", contentType: form, body: "D=1&D=2"}},
		"a form that cannot be read":        {app + "/xA%zz", delivery{base: app, target: "/x", contentType: form, body: "A=%zz"}},
		"multipart":                         {app + "/xA1", delivery{base: app, target: "/x", contentType: "multipart/form-data; boundary=b", body: "--b--"}},
		"the host that the request names":   {"http://internal.proxy:8080/xA1", delivery{base: app, target: "/x", contentType: form, body: "A=1"}},
	}
	for name, c := range cases {
		c.signature = sign(token, c.text)
		if err := c.verify(token); schema.CodeOf(err) != schema.Forbidden {
			t.Errorf("%s: got %v, want Forbidden", name, err)
		}
	}
}

// An empty key is one that everybody has. Yet without a token nothing is
// proven against the request either: it must not be thrown away.
func TestBlankTokensProveNothing(t *testing.T) {
	t.Parallel()
	d := delivery{base: app, target: "/x", contentType: form, body: "A=1", signature: sign("", app+"/xA1")}
	for _, tokens := range [][]string{nil, {""}, {"", ""}} {
		if err := d.verify(tokens...); schema.CodeOf(err) != schema.Unauthorized {
			t.Errorf("tokens %q: got %v, want Unauthorized", tokens, err)
		}
	}
	if err := d.verify("", token); schema.CodeOf(err) != schema.Forbidden {
		t.Errorf("got %v, want Forbidden", err)
	}
}

func TestBaseURLIsNeeded(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "app.example.com", "https://ho st"} {
		d := delivery{base: base, target: "/x", contentType: form, body: "A=1", signature: sign(token, "/xA1")}
		if err := d.verify(token); schema.CodeOf(err) != schema.Internal {
			t.Errorf("base %q: got %v, want Internal", base, err)
		}
	}
}

// requests draws URLs and forms without repeated fields, which Twilio's own
// library cannot verify.
func requests(t *rapid.T) (target string, fields url.Values) {
	text := rapid.String()
	fields = url.Values{}
	for name, value := range rapid.MapOfN(text, text, 0, 6).Draw(t, "fields") {
		fields.Set(name, value)
	}
	delete(fields, "bodySHA256")
	query := url.Values{}
	for name, value := range rapid.MapOfN(rapid.StringN(1, 5, -1), text, 0, 3).Draw(t, "query") {
		query.Set(name, value)
	}
	delete(query, "bodySHA256")
	target = "/" + url.PathEscape(rapid.StringN(0, 10, -1).Draw(t, "path"))
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return target, fields
}

// What Twilio's own library accepts is accepted here, and the other way round.
func TestAgreesWithTwiliosLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		target, fields := requests(t)
		base := rapid.SampledFrom([]string{app, app + ":8443", "http://app.example.com", "http://app.example.com:80"}).Draw(t, "base")
		key := rapid.StringMatching(`[0-9a-f]{4}`).Draw(t, "token")
		d := delivery{base: base, target: target, contentType: form, body: fields.Encode()}
		names := make([]string, 0, len(fields))
		for name := range fields {
			names = append(names, name)
		}
		slices.Sort(names)
		text := base + target
		for _, name := range names {
			text += name + fields.Get(name)
		}
		if rapid.Bool().Draw(t, "JSON") {
			d.contentType = jsonType
			d.target += map[bool]string{true: "&", false: "?"}[strings.Contains(target, "?")] + "bodySHA256=" + sum(d.body)
			text = base + d.target
		}
		if rapid.Bool().Draw(t, "spoilt") {
			text += "x"
		}
		d.signature = sign(key, text)
		library := client.NewRequestValidator(key)
		want := library.ValidateBody(base+d.target, []byte(d.body), d.signature)
		if err := d.verify(key); (err == nil) != want {
			t.Errorf("got %v, Twilio's library says %t of %+v", err, want, d)
		}
	})
}

// Nobody without the token passes, and no input breaks it.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors {
		f.Add("POST", v.target, v.contentType, v.body, v.signature)
	}
	f.Add("GET", "/x?bodySHA256=", "", "", "")
	f.Add("PUT", "//x?%zz&bodySHA256=0", form+";", "%&=;&", "====")
	f.Fuzz(func(t *testing.T, method, target, contentType, body, signature string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Skip()
		}
		r := &http.Request{Method: method, URL: u, Header: http.Header{
			"Content-Type": {contentType}, twilio.SignatureHeader: {signature},
		}}
		verifier := twilio.Verifier{BaseURL: app}
		if err := verifier.Verify([]string{"a token that no fuzzer knows"}, r, []byte(body)); schema.CodeOf(err) != schema.Forbidden {
			t.Errorf("got %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for name, v := range vectors {
		if name != "J recording callback" && name != "L events, org" {
			continue
		}
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("POST", v.target, nil)
			r.Header.Set("Content-Type", v.contentType)
			r.Header.Set(twilio.SignatureHeader, v.signature)
			verifier, tokens, body := twilio.Verifier{BaseURL: v.base}, []string{v.token}, []byte(v.body)
			b.ReportAllocs()
			for b.Loop() {
				if err := verifier.Verify(tokens, r, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
