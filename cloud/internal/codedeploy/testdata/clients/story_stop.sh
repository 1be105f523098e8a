id=$(deploy ECSCanary10Percent15Minutes)
until_is 10 weight "$id"
is "the stop" "$(aws deploy stop-deployment --deployment-id "$id" --auto-rollback-enabled --query status --output text)" Succeeded
until_is Stopped get "$id" status
is code "$(get "$id" errorInformation.code)" MANUAL_STOP
until_is Succeeded get "$(get "$id" rollbackInfo.rollbackDeploymentId)" status
refused DeploymentAlreadyCompletedException aws deploy stop-deployment --deployment-id "$id"
