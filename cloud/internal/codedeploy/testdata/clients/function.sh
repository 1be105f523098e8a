# A hook's function in a shell: $0 is its verdict, $1 its event.
member() { expr "$2" : '.*"'"$1"'":"\([^"]*\)"'; }
aws deploy put-lifecycle-event-hook-execution-status --status "$0" --output text \
  --deployment-id "$(member DeploymentId "$1")" --lifecycle-event-hook-execution-id "$(member LifecycleEventHookExecutionId "$1")"
