package server

import "reflect"

// A Stage is one slice of Hooks, with the modules that have added to it, in the order in which they run.
type Stage struct {
	Name    string // the field of Hooks
	Modules []string
}

// Stages tells who takes part where.
func (h *Host) Stages() []Stage { return h.stages }

// noteStages finds what a module has just added to the hooks.
func (h *Host) noteStages(module string) {
	v := reflect.ValueOf(h.hooks)
	for i := range v.NumField() {
		if i == len(h.stages) {
			h.stages = append(h.stages, Stage{Name: v.Type().Field(i).Name})
		}
		for range v.Field(i).Len() - len(h.stages[i].Modules) {
			h.stages[i].Modules = append(h.stages[i].Modules, module)
		}
	}
}
