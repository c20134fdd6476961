package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/loquent/callstream/schema"
)

// where collects the conditions of a list with their arguments. Nothing of a
// filter's own text gets into the statement. The zero value selects all.
type where struct {
	conditions []string
	args       []any
}

// arg adds an argument and returns its name in the statement.
func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return fmt.Sprintf("$%d", len(w.args))
}

// add demands the condition, in which each ? is v.
func (w *where) add(condition string, v any) {
	w.conditions = append(w.conditions, strings.ReplaceAll(condition, "?", w.arg(v)))
}

// before demands that the column's number is less than the one that the cursor
// is, which ended the page before; an empty cursor demands nothing.
func (w *where) before(column, cursor string) error {
	if cursor == "" {
		return nil
	}
	id, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil {
		return badCursor(cursor)
	}
	w.add(column+" < ?", id)
	return nil
}

func badCursor(cursor string) error {
	return schema.Errorf(schema.Invalid, "cursor %q is not one that a page gave", cursor)
}

// String is the conditions in SQL.
func (w *where) String() string {
	if len(w.conditions) == 0 {
		return "true"
	}
	return strings.Join(w.conditions, " AND ")
}
