package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/loquent/callstream/schema"
)

// line is one line of a transcript.
type line struct {
	schema.Segment
	Runs excerpt // its text, with what was searched for marked
	Turn bool    // somebody else begins to speak
}

// linesOf returns the lines of a transcript, all of it in one where nobody
// knows the times.
func linesOf(t *schema.Transcript, search string) (list []line) {
	if t == nil {
		return nil
	}
	segments := t.Segments
	if len(segments) == 0 && t.Text != "" {
		segments = []schema.Segment{{End: t.Duration, Text: t.Text}}
	}
	for i, s := range segments {
		list = append(list, line{s, highlight(strings.TrimSpace(s.Text), search), i == 0 || segments[i-1].Channel != s.Channel})
	}
	return list
}

// Plain is the transcript as text, with who speaks where that is known.
func (r recordingCard) Plain() string {
	var out strings.Builder
	for _, l := range r.Lines {
		if l.Channel > 0 {
			fmt.Fprintf(&out, "Speaker %d: ", l.Channel)
		}
		out.WriteString(strings.TrimSpace(l.Text) + "\n")
	}
	return out.String()
}

// subtitles is the transcript as WebVTT (W3C), for players of audio and video.
func subtitles(lines []line) string {
	var out strings.Builder
	out.WriteString("WEBVTT\n")
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", " ")
	for _, l := range lines {
		text := escape.Replace(strings.TrimSpace(l.Text))
		if l.Channel > 0 {
			text = fmt.Sprintf("<v Speaker %d>%s", l.Channel, text)
		}
		fmt.Fprintf(&out, "\n%s --> %s\n%s\n", stamp(l.Start), stamp(l.End), text)
	}
	return out.String()
}

// stamp returns a time as WebVTT has it, "00:01:02.345".
func stamp(seconds float64) string {
	ms := int64(max(seconds, 0)*1000 + .5)
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3600000, ms/60000%60, ms/1000%60, ms%1000)
}

// transcript answers a recording's transcript as a file, in the form that the
// name's ending asks for.
func (c *console) transcript(v *visit) error {
	sid, file := v.r.PathValue("sid"), v.r.PathValue("file")
	form := path.Ext(file)
	var record schema.CallRecord
	if err := v.get("/api/calls/"+sid, nil, &record); err != nil {
		return missing(err, "There is no call "+sid+" here.")
	}
	for _, r := range record.Recordings {
		if r.RecordingSID != strings.TrimSuffix(file, form) || r.Transcript == nil {
			continue
		}
		card := recordingCard{Lines: linesOf(r.Transcript, "")}
		switch form {
		case ".txt":
			return v.download(file, "text/plain; charset=utf-8", []byte(card.Plain()))
		case ".vtt":
			return v.download(file, "text/vtt; charset=utf-8", []byte(subtitles(card.Lines)))
		case ".json":
			encoded, err := json.MarshalIndent(r.Transcript, "", "  ")
			if err != nil {
				return fmt.Errorf("write transcript: %w", err)
			}
			return v.download(file, "application/json", encoded)
		}
	}
	return &problem{Status: http.StatusNotFound, Detail: "There is no transcript " + file + "."}
}

// download answers a file to be kept.
func (v *visit) download(name, contentType string, content []byte) error {
	v.w.Header().Set("Content-Type", contentType)
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = v.w.Write(content) // fails when the visitor is gone
	return nil
}
