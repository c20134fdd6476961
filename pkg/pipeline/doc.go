// Package pipeline tells what state the streams and durables are in, and
// remembers it for a few hours, for people who want to see where it went.
//
//   - A [State] is what everybody answered when asked once: the broker of its
//     streams and durables, the database of what is parked and settled.
//   - [History] asks every few seconds while it runs. While one of them is away
//     there is no sample: the plot has a gap, and nothing is made up.
//   - The history is this process's own, in memory, of a bounded size; a process
//     that starts begins anew. What has to outlive it is for a monitoring system,
//     which reads the same numbers at /metrics.
package pipeline
