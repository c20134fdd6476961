// Package cli is where everything comes together: it alone reads flags and
// environment, and it alone sees every other package. Each command is a struct
// of what it needs and nothing more, so that, for one, an ingress has no
// OpenAI key to leak; the wiring of roles from opened parts is in role.go.
//
// A process stops in the order in which its parts lean on each other: first
// nothing new comes in (HTTP), then what is in flight ends or is handed back
// (runners), then connections close, then embedded servers stop.
package cli
