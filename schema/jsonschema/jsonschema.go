// Package jsonschema holds the JSON Schemas (draft 2020-12) of callstream's
// events, for programs in other languages that read the stream. Each kind of
// event has one, named after it; parts that several share have their own.
//
// They say what is published, to the last field: a field that is not in them is
// a bug. Readers should nevertheless pass over fields that they do not know,
// since later versions may add some.
package jsonschema

import (
	"embed"
	"io/fs"
	"strings"

	"github.com/loquent/callstream/schema"
)

// Base is what the schemas' ids begin with; the file's name follows.
const Base = "https://github.com/loquent/callstream/schema/jsonschema/"

//go:embed *.json
var files embed.FS

// Files returns all schemas, those of shared parts included, by their names.
func Files() fs.FS { return files }

// Name returns the name of the schema of events of the kind: the kind itself,
// or "message" for those of messages, whose kind ends in their status.
func Name(kind string) string {
	if strings.HasPrefix(kind, "message.") {
		return "message.json"
	}
	return kind + ".json"
}

// Read returns the schema of events of the kind. The error is
// [schema.NotFound] when no events are of that kind.
func Read(kind string) ([]byte, error) {
	family, status, ok := strings.Cut(kind, ".")
	if family == "message" {
		_, ok = schema.ParseMessageStatus(status)
	}
	data, err := files.ReadFile(Name(kind))
	if err != nil || !ok {
		return nil, schema.Errorf(schema.NotFound, "no events are of kind %q", kind)
	}
	return data, nil
}
