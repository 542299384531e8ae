/*
 * Sound and screen (reference: config sections 5.7 and 20.6).
 */
#ifndef MODEL_CONFIG_DISPLAY_H
#define MODEL_CONFIG_DISPLAY_H

#include "lang/schema/field.h"

#define AUDIO_FIELDS(F)                                                                     \
    F(STR, device, "device", "", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,        \
      "Sound output of the host: a QEMU audiodev, \"vz\", \"default\", \"none\" or empty.") \
    F(STR, interface, "interface", "", MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY,  \
      "Sound card of the guest: hda or virtio.")
struct audio_config {
    AUDIO_FIELDS(FIELD_MEMBER)
};

#define VNC_FIELDS(F)                                                                    \
    F(STR, display, "display", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, \
      "Where VNC listens, in QEMU's notation; 127.0.0.1:0,to=9 when not given.")
struct vnc_config {
    VNC_FIELDS(FIELD_MEMBER)
};

#define VIDEO_FIELDS(F)                                                                  \
    F(STR, display, "display", NULL, MERGE_FILL, FIELD_KEEP | FIELD_NULLABLE, CHECK_ANY, \
      "Screen: none (default), a QEMU display, vnc, vz or default.")                     \
    F(SUB, vnc, "vnc", vnc_config, MERGE_FILL, 0, CHECK_ANY, "Options for display vnc.")
struct video_config {
    VIDEO_FIELDS(FIELD_MEMBER)
};

extern const struct field_table audio_config_table, vnc_config_table, video_config_table;

#endif
