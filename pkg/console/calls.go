package console

// calls shows the list of calls.
func (c *console) calls(v *visit) error {
	return v.show("calls", "Calls", nil)
}
