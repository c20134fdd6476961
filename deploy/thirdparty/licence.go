package main

import "strings"

// known are the licences that let callstream be Apache-2.0, each by what only
// its own text says: all of the words are there, and the others are not.
var known = []struct {
	name  string
	words []string
	not   string // empty: nothing
}{
	{"Apache-2.0", []string{"apache license", "version 2.0"}, ""},
	{"MPL-2.0", []string{"mozilla public license", "version 2.0"}, ""},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "neither the name"}, ""},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms"}, "neither the name"},
	{"MIT", []string{"permission is hereby granted, free of charge", `the software is provided "as is"`}, ""},
	{"ISC", []string{"permission to use, copy, modify, and/or distribute this software", "provided that the above copyright notice"}, ""},
	{"ISC", []string{"permission to use, copy, modify, and distribute this software", "provided that the above copyright notice"}, ""},
	{"0BSD", []string{"permission to use, copy, modify, and/or distribute this software"}, "provided that the above copyright notice"},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}, ""},
	{"CC0-1.0", []string{"cc0 1.0 universal"}, ""},
}

// identify returns the SPDX names of the licences in a text, none for one that
// is not known.
func identify(text string) (names []string) {
	words := strings.Join(strings.Fields(strings.ToLower(text)), " ")
	for _, licence := range known {
		all := licence.not == "" || !strings.Contains(words, licence.not)
		for _, w := range licence.words {
			all = all && strings.Contains(words, w)
		}
		if all {
			names = append(names, licence.name)
		}
	}
	return names
}
