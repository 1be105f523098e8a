id=$(deploy ECSAllAtOnce '{"BeforeAllowTraffic":"reject"}')
if out=$(aws deploy wait deployment-successful --deployment-id "$id" 2>&1); then
  echo "the waiter is content"
  exit 1
fi
case $out in *"terminal failure state"*) ;; *) echo "the waiter says $out"; exit 1 ;; esac
is status "$(get "$id" status)" Failed
is code "$(get "$id" errorInformation.code)" HOOK_EXECUTION_FAILURE
until_is Succeeded get "$(get "$id" rollbackInfo.rollbackDeploymentId)" status
