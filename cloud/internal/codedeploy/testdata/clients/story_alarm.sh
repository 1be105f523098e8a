aws deploy update-deployment-group --application-name app --current-deployment-group-name dg --alarm-configuration 'enabled=true,alarms=[{name=errors}]' >/dev/null
id=$(deploy ECSLinear10PercentEvery1Minutes)
moving() { # the weight when it is neither the first nor the last one
  case $(weight "$1") in [2-9]0) echo yes ;; esac
}
until_is yes moving "$id"
curl -sf "$AWS_ENDPOINT_URL/ring?names=errors"
until_is Stopped get "$id" status
is code "$(get "$id" errorInformation.code)" ALARM_ACTIVE
is events "$(events "$id")" "BeforeInstall:Succeeded Install:Succeeded AfterInstall:Succeeded BeforeAllowTraffic:Succeeded AllowTraffic:Failed AfterAllowTraffic:Skipped"
until_is Succeeded get "$(get "$id" rollbackInfo.rollbackDeploymentId)" status
