// Package embedded starts the parts that callstream needs and that nobody has
// provided: a NATS server with JetStream inside the process, a PostgreSQL
// server as a child process, and an S3 server on the loopback interface.
//
// Each part keeps its state in a folder of its own under one data folder and
// holds to the same promises:
//
//   - What it has acknowledged survives the death of the process and of the
//     machine: it is fsynced first. Only the Fast options, made for tests,
//     give that up.
//   - A Start function returns when the part answers requests, or with an
//     error and nothing left running. Nothing here ends the process.
//   - Nothing listens beyond the loopback interface unless asked to, and
//     every listener asks for a secret that lies in the data folder with mode
//     0600.
//   - Two processes never share a data folder: take [Lock] first and release
//     it last. JetStream has no lock of its own; two servers on one folder
//     lose acknowledged messages.
//
// The order of stopping is: everything that uses a part, the parts, the lock.
package embedded
