// Package console is what people see of callstream in a browser: calls, their
// recordings and transcripts and why they are so, settings, and the pipeline.
//
//   - The console is a client of the JSON API, in the same process. It knows
//     nothing that the API does not tell the visitor's own key, so permissions,
//     limits and the audit log hold for people as for programs.
//   - A session is a cookie that holds the visitor's key, sealed. Nothing is kept
//     here: any number of consoles serve it, and a key that is revoked ends it.
//   - No page needs a build step, another host, or a script or style of its own:
//     the policy that every answer carries allows what lies under static, no more.
//   - Whatever changes something is a POST from one of our own pages, which the
//     browser itself tells ([http.CrossOriginProtection]).
//   - Audio passes through and is never held whole.
//
// # How a page is added
//
// One Go file, one template and a line in each of two tables. The Go file has a
// function that takes a [*visit], asks the API with get or send and ends with
// show, redirect or an error:
//
//	func (c *console) numbers(v *visit) error {
//		var answer struct{ Numbers []schema.PhoneNumber `json:"numbers"` }
//		if err := v.get("/api/numbers", nil, &answer); err != nil {
//			return err
//		}
//		return v.show("numbers", "Numbers", answer)
//	}
//
// templates/numbers.html defines "content", in which .Data is what show was
// given and the rest of the dot is a page. The route goes to the table in
// route.go, with the permission that the visitor's key must hold, and the place
// in the menu to the one in navigation.go.
//
// An error that the API answered becomes an error page with its detail; one that
// belongs to a form's input is shown beside the form, by asking [problemOf]. A
// form posts, its function answers by redirect, and says what it did by notice.
// A request by htmx is answered with the content alone: hx-select chooses the
// part that it swaps.
package console
