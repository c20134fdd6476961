// Package streamtest gives tests a real JetStream of their own, a ledger and
// parking that live in memory, the ends of messages as signals to wait for, and
// a suite that every consumer has to pass.
package streamtest
