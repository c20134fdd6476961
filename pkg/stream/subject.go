package stream

import "strings"

// narrow returns the subjects that both filters select, as one filter; false if
// there are none.
func narrow(a, b string) (string, bool) {
	left, right := strings.Split(a, "."), strings.Split(b, ".")
	var both []string
	for i := 0; ; i++ {
		switch {
		case i == len(left) && i == len(right):
			return strings.Join(both, "."), true
		case i == len(left) || i == len(right):
			return "", false
		case left[i] == ">":
			return strings.Join(append(both, right[i:]...), "."), true
		case right[i] == ">":
			return strings.Join(append(both, left[i:]...), "."), true
		case left[i] == right[i], right[i] == "*":
			both = append(both, left[i])
		case left[i] == "*":
			both = append(both, right[i])
		default:
			return "", false
		}
	}
}

// matches reports whether the filter selects the subject.
func matches(filter, subject string) bool {
	_, ok := narrow(filter, subject)
	return ok
}
