id=$(deploy ECSAllAtOnce '{"BeforeAllowTraffic":"accept"}')
aws deploy wait deployment-successful --deployment-id "$id"
is events "$(events "$id")" "BeforeInstall:Succeeded Install:Succeeded AfterInstall:Succeeded BeforeAllowTraffic:Succeeded AllowTraffic:Succeeded AfterAllowTraffic:Succeeded"
is "green's weight" "$(weight "$id")" 100
is "the last success" "$(aws deploy get-deployment-group $names --query deploymentGroupInfo.lastSuccessfulDeployment.deploymentId --output text)" "$id"
is deployments "$(aws deploy list-deployments $names --include-only-statuses Succeeded --query 'deployments[]' --output text)" "$id"
refused DeploymentGroupNameRequiredException aws deploy create-deployment --application-name app --revision revisionType=GitHub
