// Package api is callstream's JSON API for people and programs: calls and why
// they are as they are, recordings, and an organization's settings.
//
//   - Every request carries an API key as Authorization: Bearer. The key names
//     the organization, and with it every row that the request may see: no
//     handler takes an organization from the request itself.
//   - Each operation needs one permission; an operation that names none is
//     never registered.
//   - Errors are RFC 9457 problem+json whose detail says what to do.
//   - The OpenAPI 3.1 document at /api/openapi.json is made from the code.
package api
