/*
 * The host that configurations of tests are loaded on: config_env_done() it.
 */
#ifndef TESTS_UNIT_CONFIG_HOST_H
#define TESTS_UNIT_CONFIG_HOST_H

#include "base/mem.h"
#include "base/path.h"
#include "model/config/config.h"

static inline struct config_env config_host(const char *lima_home)
{
    return (struct config_env){
        .host = { .os = mem_strdup("linux"),
                  .arch = mem_strdup("x86_64"),
                  .cpus = 2,
                  .memory = UINT64_C(4) << 30,
                  .timezone = mem_strdup("UTC"),
                  .machine_id = mem_strdup("0123456789abcdef0123456789abcdef"),
                  .user_name = mem_strdup("u"),
                  .user_comment = mem_strdup(""),
                  .user_home = mem_strdup("/home/u"),
                  .temp_dir = mem_strdup("/tmp"),
                  .uid = 1000 },
        .lima_home = mem_strdup(lima_home),
        .networks_path = path_join(lima_home, "_config/networks.yaml"),
    };
}

#endif
