// Package lease decides who may work on what: among all processes by leases
// that the database keeps, and within one process by shares of its workers.
//
// The stream promises that a message is worked on, not that only one worker
// does so: a worker that overran its time still runs when its message is
// delivered to the next. Work that must not happen twice at once therefore
// holds a lease, and this package keeps these promises:
//
//   - Of all that call [Hold] with one name, at most one runs its work, as long
//     as the processes' clocks run at about the same speed.
//   - Work whose lease can no longer be renewed has its context cancelled
//     before the lease runs out and another may take it.
//   - A lease is released when the work ends, however it ends; that of a killed
//     process runs out by itself.
package lease
