package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// foreignKeys are what other tools call the keys of a rule and of an exemption.
var foreignKeys = map[string][]string{
	"when":  {"filter", "filters", "condition", "conditions", "if", "match"},
	"then":  {"action", "actions", "step", "steps"},
	"match": {"filter", "filters", "condition", "conditions", "if", "when"},
	"id":    {"name"},
	"until": {"expires", "ends", "end"},
}

// insteadOfKey ends a message about a key that is unknown in a map: with where it belongs, or else as suggest does.
func (r *reader) insteadOfKey(what, key string, names []string) string {
	for _, name := range names {
		if slices.Contains(foreignKeys[name], key) {
			return fmt.Sprintf(", did you mean %q?", name)
		}
	}
	if r.elsewhere != nil {
		if instead := r.elsewhere(what, key); instead != "" {
			return instead
		}
	}
	return suggest(key, names)
}

// homesOf are the paths of each key, by its name. A file may have thousands of keys that are unknown.
var homesOf = sync.OnceValue(func() map[string][][]string {
	all := make(map[string][][]string)
	for _, home := range homes(object(policyKeys, "").schema, nil) {
		key := home[len(home)-1]
		all[key] = append(all[key], home)
	}
	return all
})

// elsewhere says where in a policy a key belongs that is unknown in the map what; "" if nowhere.
func elsewhere(what, key string) string {
	for _, home := range homesOf()[key] {
		outer := home[:len(home)-1]
		if len(outer) == 0 || what == "the exemption" {
			continue
		}
		if outer[0] == "rules" && what == "the rule" {
			if outer = outer[1:]; len(outer) == 0 {
				continue
			}
		}
		switch outer[0] {
		case "rules":
			return ": it belongs to a rule, below rules" + within(outer[1:])
		case "exemptions":
			return ": it belongs to an exemption, below exemptions"
		}
		return fmt.Sprintf(": it belongs to %s, write %s: {%s: …}%s", strings.Join(outer, "."),
			strings.Join(outer, ": {"), key, strings.Repeat("}", len(outer)-1))
	}
	return ""
}

func within(outer []string) string {
	if len(outer) == 0 {
		return ""
	}
	return ", in its " + strings.Join(outer, ".")
}

// homes are the paths of all keys of a map, those of outer maps first.
func homes(s schema, outer []string) (all [][]string) {
	properties, _ := s["properties"].(members)
	for _, m := range properties {
		all = append(all, slices.Concat(outer, []string{m.name}))
	}
	for _, m := range properties {
		path := slices.Concat(outer, []string{m.name})
		inner, _ := m.value.(schema)
		if item, isList := inner["items"].(schema); isList {
			inner = item
		}
		if ways, several := inner["anyOf"].([]schema); several { // then
			inner = ways[0]
		}
		all = append(all, homes(inner, path)...)
		if m.name == "when" {
			for i := range fields {
				if f := fields[i].name; f != "name" { // which people write for the id of a rule
					all = append(all, slices.Concat(path, []string{f}))
				}
			}
		}
	}
	return all
}
