package objects

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"
)

// record is what a file tells about its object, after the object's bytes.
type record struct {
	Key      string            `json:"key"`
	Size     int64             `json:"size"`
	MD5      []byte            `json:"md5"`
	Modified time.Time         `json:"modified"`
	Parts    []int64           `json:"parts,omitempty"` // sizes, of a multipart upload
	Metadata map[string]string `json:"metadata,omitempty"`
}

// A file ends in its record as JSON and a footer: the record's length and
// checksum, then the mark, which also tells the version of this format.
const (
	mark       = "cs-obj-1"
	footerSize = 4 + 4 + len(mark)
	maxRecord  = 1 << 20 // of a multipart upload with 10,000 parts and all metadata
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged marks a file whose end is not what this package writes.
var errDamaged = errors.New("damaged object file")

// append writes the record and the footer at the end of the object's bytes.
func (r *record) append(w io.Writer) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	footer := binary.BigEndian.AppendUint32(text, uint32(len(text))) //nolint:gosec // metadata and parts are bounded by S3
	footer = binary.BigEndian.AppendUint32(footer, crc32.Checksum(text, castagnoli))
	_, err = w.Write(append(footer, mark...))
	return err
}

// readRecord reads the record of an open object file.
func readRecord(file *os.File) (record, error) {
	info, err := file.Stat()
	if err != nil {
		return record{}, err
	}
	footer := make([]byte, footerSize)
	if _, err := file.ReadAt(footer, info.Size()-int64(footerSize)); err != nil {
		return record{}, fmt.Errorf("%w %s: no footer", errDamaged, file.Name())
	}
	length := int64(binary.BigEndian.Uint32(footer))
	start := info.Size() - int64(footerSize) - length
	if string(footer[8:]) != mark || length > maxRecord || start < 0 {
		return record{}, fmt.Errorf("%w %s: no mark", errDamaged, file.Name())
	}
	text := make([]byte, length)
	if _, err := file.ReadAt(text, start); err != nil {
		return record{}, err
	}
	var r record
	if crc32.Checksum(text, castagnoli) != binary.BigEndian.Uint32(footer[4:]) || json.Unmarshal(text, &r) != nil || r.Size != start {
		return record{}, fmt.Errorf("%w %s: record and bytes differ", errDamaged, file.Name())
	}
	return r, nil
}

// openObject opens an object's file and reads its record. The caller closes
// the file.
func openObject(path string) (*os.File, record, error) {
	file, err := os.Open(path) //nolint:gosec // made by keyPath
	if err != nil {
		return nil, record{}, err
	}
	r, err := readRecord(file)
	if err != nil {
		_ = file.Close()
		return nil, record{}, err
	}
	return file, r, nil
}
