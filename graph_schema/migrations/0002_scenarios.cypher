// One node per scenario; interactions name theirs in a property, so no relationship leads to it.
CREATE CONSTRAINT kgrec_scenario_id IF NOT EXISTS FOR (n:Scenario) REQUIRE n.id IS UNIQUE;
