package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// functions are what templates call.
func functions(a assets) template.FuncMap {
	return template.FuncMap{
		"asset": a.address,
		"icon":  a.icon,

		"time":       timeTag("full"),
		"date":       timeTag("date"),
		"clock":      timeTag("clock"),
		"ago":        timeTag("ago"),
		"lasted":     lasted,
		"position":   position,
		"bytes":      bytesText,
		"count":      count,
		"plural":     plural,
		"phone":      phone,
		"sentence":   sentence,
		"callstatus": callStatus,
		"join":       strings.Join,
		"pair":       pair,
		"who":        actorText,
		"deed":       deed,
		"prose":      prose,
		"rate":       rateText,
		"span":       spanText,
		"reason":     reasonText,
		"again":      again,
		"told":       told,
	}
}

// timeTag returns a function that shows a moment: in UTC, which a script puts
// into the viewer's zone in the given style. It takes a time.Time or a pointer;
// nothing is shown of one that is not known.
func timeTag(style string) func(any) template.HTML {
	return func(moment any) template.HTML {
		var at time.Time
		switch m := moment.(type) {
		case time.Time:
			at = m
		case *time.Time:
			if m != nil {
				at = *m
			}
		}
		if at.IsZero() {
			return ""
		}
		at = at.UTC()
		return template.HTML(fmt.Sprintf(`<time datetime="%s" data-style="%s">%s UTC</time>`, //nolint:gosec // digits
			at.Format(time.RFC3339Nano), style, at.Format("2 Jan 2006, 15:04:05")))
	}
}

// lasted returns "2:05" or "1:02:05" for seconds, which may be an int, a float
// or a pointer to one; "" where it is not known.
func lasted(seconds any) string {
	var whole int
	switch s := seconds.(type) {
	case int:
		whole = s
	case *int:
		if s == nil {
			return ""
		}
		whole = *s
	case float64:
		whole = int(s)
	case time.Duration:
		whole = int(s.Seconds())
	}
	return position(float64(whole))
}

// position returns a place in a recording, "0:07".
func position(seconds float64) string {
	whole := max(int(seconds), 0)
	if whole >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", whole/3600, whole/60%60, whole%60)
	}
	return fmt.Sprintf("%d:%02d", whole/60, whole%60)
}

// bytesText returns "3.4 MB".
func bytesText(n int64) string {
	const step = 1000
	size, unit := float64(n), 0
	for ; size >= step && unit < 4; unit++ {
		size /= step
	}
	if unit == 0 {
		return plural(int(n), "byte", "bytes")
	}
	return fmt.Sprintf("%.1f %s", size, []string{"", "kB", "MB", "GB", "TB"}[unit])
}

// count returns "12,345" of a whole number of any type.
func count(n any) string {
	digits := fmt.Sprint(n)
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return out.String()
}

// plural returns "1 call" or "2 calls".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// phone returns a party as people write it: North American numbers in groups,
// others as they are, and in words one that is not told.
func phone(number string) string {
	if number == "" {
		return "Withheld"
	}
	if len(number) == 12 && strings.HasPrefix(number, "+1") {
		return "+1 " + number[2:5] + " " + number[5:8] + " " + number[8:]
	}
	return number
}
