#include "model/config/config.h"

#include "lang/schema/schema.h"
#include "lang/yaml/yaml_text.h"

void config_to_yaml(const struct instance_config *config, struct sb *out)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_doc_new();

    doc->root = schema_to_yaml(&instance_config_table, config, doc);
    yaml_emit(out, doc);
}

json_t *config_to_json(const struct instance_config *config)
{
    return schema_to_json(&instance_config_table, config);
}
