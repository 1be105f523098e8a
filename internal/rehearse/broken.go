package rehearse

import (
	"encoding/json"
	"fmt"
)

// neverHealthy gives a container of a task definition a health check that cannot pass: a
// program that no image has. The rest of the version is what was just shipped, so the
// drill shows what the platform does and not what a broken build does.
func neverHealthy(definition []byte, container string) ([]byte, error) {
	var td map[string]any
	if err := json.Unmarshal(definition, &td); err != nil {
		return nil, fmt.Errorf("make the drill's version: %w", err)
	}
	list, _ := td["containerDefinitions"].([]any)
	for _, it := range list {
		c, _ := it.(map[string]any)
		if c["name"] == container || container == "" {
			c["healthCheck"] = map[string]any{
				"command": []string{"CMD", "/turnout-drill/never-healthy"}, "interval": 5, "timeout": 2, "retries": 1,
			}
			return json.Marshal(td)
		}
	}
	return nil, fmt.Errorf("make the drill's version: no container %q", container)
}
