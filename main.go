// Command callstream is a self-hosted NATS JetStream pipeline for Twilio call
// recording; see README.md.
package main

func main() {}
