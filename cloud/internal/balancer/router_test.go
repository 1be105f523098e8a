package balancer

import "testing"

func TestDeploymentStory(t *testing.T) {
	r := newRig(t, Options{GroupHeader: "X-Group"})
	blue, green := backend(t, says("blue")), backend(t, says("green"))

	r.group("blue", blue)
	r.forward("blue", 1)
	r.apply()
	r.want("blue")

	t.Log("a second group at weight 0 gets nothing")
	r.group("green", green)
	r.forward("blue", 1, "green", 0)
	r.apply()
	for range 20 {
		r.want("blue")
	}

	t.Log("a tenth of the requests, evenly")
	r.forward("blue", 90, "green", 10)
	r.apply()
	count := map[string]int{}
	for range 100 {
		res := r.do("GET", "/", "")
		if res.Header.Get("X-Group") != "name-of-"+res.body {
			t.Fatalf("%s answered, the header says %s", res.body, res.Header.Get("X-Group"))
		}
		count[res.body]++
	}
	if n := count["green"]; n < 9 || n > 11 {
		t.Errorf("green got %d of 100 requests at 10 %%", n)
	}

	t.Log("all of them")
	r.forward("blue", 0, "green", 100)
	r.apply()
	r.want("green")

	t.Log("a group without targets still has its share")
	r.group("blue")
	r.forward("blue", 1, "green", 0)
	r.apply()
	r.wantStatus(503)

	t.Log("no weight, no target")
	r.forward("blue", 0, "green", 0)
	r.apply()
	r.wantStatus(503)

	t.Log("back")
	r.group("blue", blue)
	r.forward("blue", 100, "green", 0)
	r.apply()
	r.want("blue")
}
