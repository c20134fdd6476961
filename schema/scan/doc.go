// Package scan reads JSON in place: it walks over a text, checks it, and hands
// out the parts that somebody asks for, without building the rest.
//
// An event carries all that Twilio said, a kilobyte of which a few fields count.
// Decoding the whole into values is most of what an event costs; walking over
// it is a tenth of that.
//
// What is JSON here is what encoding/json takes for it, to the byte: numbers,
// escapes, control characters, nesting to the same depth. Parts are substrings
// of the text; nothing is copied but strings that have escapes. Names are
// compared exactly, and of a name that comes twice both are handed out, in
// order.
package scan
