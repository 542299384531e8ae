/*
 * The virtual size of disk images, told and raised, and empty images of a size. What the image's own
 * bytes do not tell, and every change of a format with a structure, is left to qemu-img.
 */
#ifndef SVC_IMAGE_SIZE_H
#define SVC_IMAGE_SIZE_H

#include "svc/image/probe.h"

/* A new image whose content is all zeros; "raw" or "qcow2". path must not exist. */
bool image_create(const char *path, enum image_format format, uint64_t size,
                  struct err **errp) MUST_USE;
/* The virtual size of the image that info describes. */
bool image_size(const char *path, const struct image_info *info, uint64_t *out_size,
                struct err **errp) MUST_USE;
/* A raw image can only be whole sectors: the least size that holds size bytes. */
uint64_t image_round_size(enum image_format format, uint64_t size);
/* Makes the image size bytes, which is more than it has. Nobody else may have it open. */
bool image_grow(const char *path, enum image_format format, uint64_t size,
                struct err **errp) MUST_USE;

#endif
