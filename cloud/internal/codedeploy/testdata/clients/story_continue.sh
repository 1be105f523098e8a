aws deploy update-deployment-group --application-name app --current-deployment-group-name dg --blue-green-deployment-configuration \
  '{"deploymentReadyOption":{"actionOnTimeout":"STOP_DEPLOYMENT","waitTimeInMinutes":120},"terminateBlueInstancesOnDeploymentSuccess":{"action":"TERMINATE","terminationWaitTimeInMinutes":120}}' >/dev/null
id=$(deploy ECSAllAtOnce)
until_is Ready get "$id" status
aws deploy continue-deployment --deployment-id "$id" --deployment-wait-type READY_WAIT
until_is True get "$id" instanceTerminationWaitTimeStarted
is status "$(get "$id" status)" InProgress
aws deploy continue-deployment --deployment-id "$id" --deployment-wait-type TERMINATION_WAIT
until_is Succeeded get "$id" status
