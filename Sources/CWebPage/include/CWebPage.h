#ifndef CWEBPAGE_H
#define CWEBPAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// One file of the page, as it was when the program was built.
struct marlise_page_asset {
  const char *path;
  const char *type;
  const uint8_t *bytes;
  size_t size;
};

size_t marlise_page_count(void);
/// false where there is no such file.
bool marlise_page_get(size_t index, struct marlise_page_asset *asset);

#endif
