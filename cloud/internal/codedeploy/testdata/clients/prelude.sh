# What the stories share. Each stands alone: the application app and its group dg are there.
names="--application-name app --deployment-group-name dg"

deploy() { # configuration, hooks as JSON
  spec=$(printf '{"version":0.0,"Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":"web:2","LoadBalancerInfo":{"ContainerName":"web","ContainerPort":80}}}}],"Hooks":[%s]}' "${2:-}")
  aws deploy create-deployment $names --deployment-config-name "CodeDeployDefault.$1" --query deploymentId --output text \
    --revision "{\"revisionType\":\"AppSpecContent\",\"appSpecContent\":{\"content\":\"${spec//\"/\\\"}\"}}"
}

get() { aws deploy get-deployment --deployment-id "$1" --query "deploymentInfo.$2" --output text; }

events() {
  aws deploy get-deployment-target --deployment-id "$1" --target-id c:web --output text \
    --query 'deploymentTarget.ecsTarget.lifecycleEvents[].join(`:`, [lifecycleEventName, status])' | tr '\t' ' '
}

weight() {
  aws deploy get-deployment-target --deployment-id "$1" --target-id c:web --output text \
    --query 'deploymentTarget.ecsTarget.taskSetsInfo[?taskSetLabel==`Green`].trafficWeight'
}

is() { # what, got, want
  if [ "$2" != "$3" ]; then
    echo "$1 is $2, want $3"
    exit 1
  fi
}

until_is() { # want, command...
  want=$1
  shift
  end=$((SECONDS + 30))
  while got=$("$@" 2>&1) || true; [ "$got" != "$want" ]; do
    if [ $SECONDS -gt $end ]; then
      echo "$* says $got and never $want"
      exit 1
    fi
    sleep .4
  done
}

refused() { # code, command...
  want=$1
  shift
  if out=$("$@" 2>&1); then
    echo "$* is not refused: $out"
    exit 1
  fi
  case $out in
  *"($want) when calling"*) ;;
  *) echo "$* is refused with $out"; exit 1 ;;
  esac
}

