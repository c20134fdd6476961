package crash

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"
	"sync"
)

// nats follows one connection. Steps are messages that are published to a
// stream, and what is said of those that were delivered: done, put off, given
// up.
type nats struct {
	trap *Trap

	mu      sync.Mutex
	awaited map[string]string // steps by the subject at which their answers are awaited
}

// requests follows the client.
func (n *nats) requests(to *bufio.Writer, from *bufio.Reader) error {
	for {
		line, payload, err := readOperation(from, "PUB", "HPUB")
		if err != nil {
			return end(to, err)
		}
		step, reply := n.publishes(line, payload)
		if step != "" {
			if err := to.Flush(); err != nil {
				return err
			}
			if !n.trap.reach(Point{Step: step}, func() []byte { return payload }) {
				return errKilled
			}
			if reply != "" {
				n.await(reply, step)
			}
		}
		if err := write(to, line, payload); err != nil {
			return err
		}
		if subject := fieldOf(line, 1); step != "" && strings.HasPrefix(subject, ackPrefix) {
			n.trap.hold(subject, false)
		}
		if step != "" && reply == "" { // the server does not answer: it is done when it is sent
			if err := to.Flush(); err != nil {
				return err
			}
			if !n.trap.reach(Point{Step: step, After: true}, func() []byte { return payload }) {
				return errKilled
			}
		}
		if err := flush(to, from); err != nil {
			return err
		}
	}
}

// answers follows the server. It does so to the end, since what the server sent
// to a process that is gone counts as delivered all the same.
func (n *nats) answers(to *bufio.Writer, from *bufio.Reader) (err error) {
	for {
		line, payload, ended := readOperation(from, "MSG", "HMSG")
		if ended != nil {
			_ = to.Flush() // to a process that may be gone
			return err
		}
		if subject := fieldOf(line, 3); payload != nil && strings.HasPrefix(subject, ackPrefix) {
			n.trap.hold(subject, true)
		}
		if err != nil {
			continue
		}
		err = n.answer(to, from, line, payload)
	}
}

// answer passes one operation of the server's on.
func (n *nats) answer(to *bufio.Writer, from *bufio.Reader, line, payload []byte) error {
	if step := n.answered(line); step != "" {
		if err := to.Flush(); err != nil {
			return err
		}
		if !n.trap.reach(Point{Step: step, After: true}, func() []byte { return payload }) {
			return errKilled
		}
	}
	if err := write(to, line, payload); err != nil {
		return err
	}
	return flush(to, from)
}

// publishes names the step that a PUB or HPUB is, and where its answer is
// awaited.
func (*nats) publishes(line, payload []byte) (step, reply string) {
	fields := strings.Fields(string(line))
	if payload == nil || len(fields) < 3 {
		return "", ""
	}
	sizes := 1
	if strings.EqualFold(fields[0], "HPUB") {
		sizes = 2
	}
	if len(fields) == 3+sizes {
		reply = fields[2]
	}
	subject := fields[1]
	switch {
	case strings.HasPrefix(subject, ackPrefix):
		return verdictOf(payload), reply
	case strings.HasPrefix(subject, "$"), strings.HasPrefix(subject, "_"):
		return "", ""
	}
	entity, rest, _ := strings.Cut(subject, ".")
	what, _, _ := strings.Cut(rest, ".")
	return "publish " + entity + "." + what, reply
}

// ackPrefix begins the subjects at which it is said what became of messages.
const ackPrefix = "$JS.ACK."

// fieldOf returns one word of a line, or nothing.
func fieldOf(line []byte, i int) string {
	if fields := bytes.Fields(line); i < len(fields) {
		return string(fields[i])
	}
	return ""
}

// verdictOf names what is said of a delivered message. That work goes on is no
// step.
func verdictOf(payload []byte) string {
	text := strings.TrimSpace(string(payload))
	switch {
	case text == "", strings.HasPrefix(text, "+ACK"):
		return "ack"
	case strings.HasPrefix(text, "-NAK"):
		return "nak"
	case strings.HasPrefix(text, "+TERM"):
		return "term"
	}
	return ""
}

func (n *nats) await(reply, step string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.awaited[reply] = step
}

// answered returns the step that a MSG or HMSG answers.
func (n *nats) answered(line []byte) string {
	fields := bytes.Fields(line)
	if len(fields) < 4 {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	subject := string(fields[1])
	step := n.awaited[subject]
	delete(n.awaited, subject)
	return step
}

// readOperation reads a line and, where it begins with one of the two words,
// the payload whose size is its last.
func readOperation(from *bufio.Reader, plain, headed string) (line, payload []byte, err error) {
	if line, err = from.ReadBytes('\n'); err != nil {
		return nil, nil, err
	}
	fields := bytes.Fields(line)
	if len(fields) == 0 || (!bytes.EqualFold(fields[0], []byte(plain)) && !bytes.EqualFold(fields[0], []byte(headed))) {
		return line, nil, nil
	}
	size, err := strconv.Atoi(string(fields[len(fields)-1]))
	if err != nil {
		return line, nil, err
	}
	payload = make([]byte, size+len("\r\n"))
	_, err = io.ReadFull(from, payload)
	return line, payload, err
}

func write(to *bufio.Writer, parts ...[]byte) error {
	for _, part := range parts {
		if _, err := to.Write(part); err != nil {
			return err
		}
	}
	return nil
}
