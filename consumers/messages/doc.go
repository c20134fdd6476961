// Package messages merges the news of SMS messages into their rows, many at a
// time with one statement. Delivery reports come in any order and more than
// once; the store lets none take a message back to an earlier status.
package messages
