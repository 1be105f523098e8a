// Package session serves the data channel of Systems Manager's sessions, over which ECS
// Exec runs a command in a container: what the session manager plugin speaks, unchanged.
//
// A session is offered with an id, the URL of a WebSocket and a token, and runs once its
// client has opened the channel with the token. Messages are binary, with a header and a
// checksum (message.go); both sides number what they send and acknowledge what they get,
// and what is not acknowledged is sent again (channel.go): the plugin throws away what
// comes before it is ready. Output goes out one message at a time, which keeps it in order.
//
// Where it knowingly differs from AWS: nothing is encrypted with KMS and nothing is logged;
// an offer holds for five minutes; a channel that was closed cannot be resumed, and sessions
// end with the process.
package session
