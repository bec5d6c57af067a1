// One node per id and label.
CREATE CONSTRAINT kgrec_user_id IF NOT EXISTS FOR (n:User) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT kgrec_item_id IF NOT EXISTS FOR (n:Item) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT kgrec_entity_id IF NOT EXISTS FOR (n:Entity) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT kgrec_review_id IF NOT EXISTS FOR (n:Review) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT kgrec_query_id IF NOT EXISTS FOR (n:Query) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT kgrec_schema_version_id IF NOT EXISTS
FOR (n:SchemaVersion) REQUIRE n.id IS UNIQUE;

// Looking for an item or an entity by the words of its name.
CREATE FULLTEXT INDEX kgrec_item_title IF NOT EXISTS FOR (n:Item) ON EACH [n.title];
CREATE FULLTEXT INDEX kgrec_entity_name IF NOT EXISTS FOR (n:Entity) ON EACH [n.name];
