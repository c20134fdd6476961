package cli_test

import (
	"regexp"
	"strconv"
	"strings"
)

// disk follows a process's writes by its trace, and knows of each file how much
// of it a power cut would leave: what was written before an fsync began that has
// ended, or through a descriptor that syncs each write. Files only grow here,
// are made anew or are renamed; names are taken to be as durable as contents, as
// journalling file systems have it.
type disk struct {
	files   map[string]*traced // by path
	direct  map[string]bool    // descriptors, as 12</path>, that sync each write
	at      map[string]int64   // where a descriptor writes next
	pending map[string]call    // by thread
	syncs   int
}

// traced is a file.
type traced struct{ written, synced int64 }

// call is a system call that has begun.
type call struct {
	name, args string
	written    int64 // to the file that it is about, when it began
}

func newDisk() *disk {
	return &disk{files: map[string]*traced{}, direct: map[string]bool{}, at: map[string]int64{}, pending: map[string]call{}}
}

// The lines of a trace: a call that is seen whole, one that is interrupted by
// another thread's, and the rest of that.
var (
	wholeCall   = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (-?\d+)(<.*>)?`)
	begunCall   = regexp.MustCompile(`^(\d+) +(\w+)\((.*) <unfinished \.\.\.>`)
	resumedCall = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)(<.*>)?`)
	descriptor  = regexp.MustCompile(`^(\d+<([^>]*)>)`)
	quoted      = regexp.MustCompile(`"([^"]*)"`)
)

// see takes in one line of the trace.
func (d *disk) see(line string) {
	if m := begunCall.FindStringSubmatch(line); m != nil {
		c := call{name: m[2], args: m[3]}
		if f := descriptor.FindStringSubmatch(c.args); f != nil {
			c.written = d.file(f[2]).written
		}
		d.pending[m[1]] = c
		return
	}
	if m := resumedCall.FindStringSubmatch(line); m != nil {
		c := d.pending[m[1]]
		delete(d.pending, m[1])
		c.args += m[3]
		d.end(c, m[4], m[5])
		return
	}
	if m := wholeCall.FindStringSubmatch(line); m != nil {
		c := call{name: m[2], args: m[3]}
		if f := descriptor.FindStringSubmatch(c.args); f != nil {
			c.written = d.file(f[2]).written
		}
		d.end(c, m[4], m[5])
	}
}

// end takes in a call that has ended, with what it returned.
func (d *disk) end(c call, result, opened string) {
	n, err := strconv.ParseInt(result, 10, 64)
	if err != nil || n < 0 {
		return
	}
	paths := quoted.FindAllStringSubmatch(c.args, 2)
	f := descriptor.FindStringSubmatch(c.args)
	switch c.name {
	case "openat":
		if len(paths) > 0 && strings.Contains(c.args, "O_TRUNC") {
			d.files[paths[0][1]] = &traced{}
		}
		d.direct[result+opened] = strings.Contains(c.args, "SYNC")
		d.at[result+opened] = 0
	case "write":
		if f != nil {
			d.wrote(f[1], f[2], d.at[f[1]], n)
			d.at[f[1]] += n
		}
	case "pwrite64":
		if f != nil {
			at, _ := strconv.ParseInt(c.args[strings.LastIndex(c.args, " ")+1:], 10, 64)
			d.wrote(f[1], f[2], at, n)
		}
	case "ftruncate":
		if f != nil {
			at, _ := strconv.ParseInt(c.args[strings.LastIndex(c.args, " ")+1:], 10, 64)
			file := d.file(f[2])
			file.written, file.synced = at, min(file.synced, at)
		}
	case "fsync", "fdatasync":
		if f != nil {
			d.syncs++
			d.file(f[2]).synced = max(d.file(f[2]).synced, c.written)
		}
	case "rename", "renameat", "renameat2":
		if len(paths) == 2 {
			d.files[paths[1][1]] = d.file(paths[0][1])
			delete(d.files, paths[0][1])
		}
	case "unlink", "unlinkat":
		if len(paths) > 0 {
			delete(d.files, paths[0][1])
		}
	}
}

func (d *disk) wrote(descriptor, path string, at, n int64) {
	f := d.file(path)
	f.written = max(f.written, at+n)
	if d.direct[descriptor] {
		f.synced = f.written
	}
}

func (d *disk) file(path string) *traced {
	if d.files[path] == nil {
		d.files[path] = &traced{}
	}
	return d.files[path]
}

// synced returns how many of the file's bytes a power cut leaves.
func (d *disk) synced(path string) int64 { return d.file(path).synced }
