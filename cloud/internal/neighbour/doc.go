// Package neighbour stands between services of the cloud that call each other in process.
// In AWS such a call is an ordinary one, signed with a role's keys; here it is a method
// call, and Guard asks for it what the API asks of a client: may this caller
// (identity.From(ctx)) do this to that resource, and hand on those roles?
//
// Who the caller is, is said before: CodeDeploy takes on its deployment group's service
// role, ECS the execution role of a task, and who presses a button in the console is the
// root user. What ECS asks of Elastic Load Balancing it asks
// with its service-linked role, which always may, and needs no guard.
//
// A refusal is a *Denied. It has the name by which CodeDeploy calls the service that was
// asked, and AWS's AccessDenied inside, which names action, resource and what is missing.
package neighbour
