// Package console is the local cloud's web page: what runs, what is deployed and how far it
// is, live. CodeDeploy's own page of a deployment is its measure: steps with their progress,
// where the traffic goes, lifecycle events with their durations, and the buttons to stop, to
// roll back, to go on.
//
// The server gives out a page without content, its scripts (assets, no framework), and what
// they show as JSON, put together anew from calls of the services' own APIs each time:
// nothing is known here that a client of AWS could not ask for. Scripts put it into the
// document as text. Below Path:
//
//	GET  api/about.json                       the cloud, and the token for changes
//	GET  api/overview.json                    services, traffic, recent deployments
//	GET  api/deployments.json                 the newest 200
//	GET  api/deployments/ID.json              one of them, with all that it touches
//	GET  api/services/CLUSTER/NAME.json       a service: tasks, events, revision
//	GET  api/balancers.json                   load balancers, listeners, rules, targets
//	GET  api/balancers/NAME.json              one of them, with its metrics
//	GET  api/repositories.json                the registry's repositories
//	GET  api/images.json?repository=NAME      images of one
//	GET  api/alarms.json                      alarms and their states
//	GET  api/logs.json[?group=NAME[&stream=]] log groups, streams, last lines
//	POST api/deployments/ID/ACTION            stop, rollback, reroute, terminate
//
// Who accepts text/event-stream gets any of these as events, one for every change, for as
// long as he listens. While nobody does, nothing here runs.
//
// It answers to this machine's own names only, lets no other site's page read or act, and
// changes something only on a POST with the token. What it shows needs no permission: it is
// the cloud of whoever is at this machine. Its buttons act as the root user, and fail where a
// policy holds that back (turnout up --root-policy). Values of environment variables are
// never sent.
package console
