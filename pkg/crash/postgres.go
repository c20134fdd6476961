package crash

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"regexp"
	"strings"
	"sync"
)

// postgres follows one connection. Each statement that writes is a step; so are
// BEGIN's end, COMMIT, and reads that lock.
//
// Statements are answered in their order, each by a message ReadyForQuery:
//
//	client  Parse Bind Describe Execute Sync      or Query
//	server  ParseComplete ... CommandComplete ReadyForQuery
type postgres struct {
	trap *Trap

	mu       sync.Mutex
	prepared map[string]string // steps by the names of statements; the empty name is that of the moment
	bound    string            // step of the statement that was given its parameters last
	step     string            // of what is executed, up to Sync; empty: none that counts
	carried  []byte            // by it
	pending  []string          // steps that are not answered yet
	words    [][]byte          // what they carried
}

// The message types that matter; see "Message Formats" in Postgres' manual.
const (
	parseMessage   = 'P'
	bindMessage    = 'B'
	executeMessage = 'E'
	queryMessage   = 'Q'
	syncMessage    = 'S'
	readyMessage   = 'Z'
)

// requests follows the client.
func (p *postgres) requests(to *bufio.Writer, from *bufio.Reader) error {
	if err := p.startup(to, from); err != nil {
		return err
	}
	for {
		kind, message, err := readMessage(from)
		if err != nil {
			return end(to, err)
		}
		if step := p.hear(kind, message); step != "" {
			if err := to.Flush(); err != nil {
				return err
			}
			if !p.trap.reach(Point{Step: step}, func() []byte { return append(p.parameters(), message...) }) {
				return errKilled
			}
		}
		if _, err := to.Write(message); err != nil {
			return err
		}
		if err := flush(to, from); err != nil {
			return err
		}
	}
}

// parameters returns what the statement was given that the client is telling.
func (p *postgres) parameters() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.carried
}

// startup passes the first message on, which has no type.
func (p *postgres) startup(to *bufio.Writer, from *bufio.Reader) error {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return end(to, err)
	}
	if _, err := to.Write(length[:]); err != nil {
		return err
	}
	if _, err := io.CopyN(to, from, int64(binary.BigEndian.Uint32(length[:]))-4); err != nil {
		return end(to, err)
	}
	return to.Flush()
}

// hear takes a message of the client's in, and returns the step that it begins.
func (p *postgres) hear(kind byte, message []byte) (begins string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body := message[5:]
	switch kind {
	case parseMessage:
		if name, query, ok := bytes.Cut(body, []byte{0}); ok {
			p.prepared[string(name)] = stepOf(query)
		}
	case bindMessage:
		if _, rest, ok := bytes.Cut(body, []byte{0}); ok {
			name, _, _ := bytes.Cut(rest, []byte{0})
			p.bound, p.carried = p.prepared[string(name)], append(p.carried, rest...)
		}
	case executeMessage:
		begins = p.bound
		p.step = begins
	case queryMessage:
		begins = stepOf(body)
		p.pending, p.words = append(p.pending, begins), append(p.words, nil)
	case syncMessage:
		p.pending, p.words = append(p.pending, p.step), append(p.words, p.carried)
		p.step, p.carried = "", nil
	}
	return begins
}

// answers follows the server.
func (p *postgres) answers(to *bufio.Writer, from *bufio.Reader) error {
	for started := false; ; {
		kind, message, err := readMessage(from)
		if err != nil {
			return end(to, err)
		}
		if kind == readyMessage && started {
			step, words := p.answered()
			if step != "" && !p.trap.reach(Point{Step: step, After: true}, func() []byte { return words }) {
				return errKilled
			}
		}
		started = started || kind == readyMessage
		if _, err := to.Write(message); err != nil {
			return err
		}
		if err := flush(to, from); err != nil {
			return err
		}
	}
}

// answered returns the step that was answered, and what it carried.
func (p *postgres) answered() (step string, words []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) == 0 {
		return "", nil
	}
	step, words = p.pending[0], p.words[0]
	p.pending, p.words = p.pending[1:], p.words[1:]
	return step, words
}

// readMessage reads a message with its type and length.
func readMessage(from *bufio.Reader) (kind byte, message []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, nil, err
	}
	message = make([]byte, 1+binary.BigEndian.Uint32(head[1:]))
	copy(message, head[:])
	_, err = io.ReadFull(from, message[len(head):])
	return head[0], message, err
}

// end sends what is left before a connection's end.
func end(to *bufio.Writer, err error) error {
	_ = to.Flush() // to a server that may be gone
	return err
}

// writes finds what a statement writes to, wherever it says so.
var writes = regexp.MustCompile(`(?i)\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+([a-z_]+)\b`)

// stepOf names the step that a statement is; empty for one that only reads.
func stepOf(query []byte) string {
	if i := bytes.IndexByte(query, 0); i >= 0 {
		query = query[:i]
	}
	if word, _, _ := strings.Cut(strings.TrimSpace(string(query)), " "); strings.EqualFold(strings.TrimSuffix(word, ";"), "COMMIT") {
		return "COMMIT"
	}
	seen := map[string]bool{}
	var parts []string
	for _, found := range writes.FindAllSubmatch(query, -1) {
		verb, _, _ := strings.Cut(strings.ToUpper(string(found[1])), " ")
		table := strings.ToLower(string(found[2]))
		if table == "set" || table == "of" || table == "skip" { // DO UPDATE SET, FOR UPDATE OF
			continue
		}
		if part := verb[:min(len(verb), 6)] + " " + table; !seen[part] {
			seen[part] = true
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}
