#include "CWebPage.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t index_html[] = {
#embed "assets/index.html"
};
static const uint8_t page_css[] = {
#embed "assets/page.css"
};
static const uint8_t page_js[] = {
#embed "assets/page.js"
};
static const uint8_t charts_js[] = {
#embed "assets/charts.js"
};
static const uint8_t icon_svg[] = {
#embed "assets/icon.svg"
};

static const struct marlise_page_asset assets[] = {
    {"/", "text/html; charset=utf-8", index_html, sizeof index_html},
    {"/assets/page.css", "text/css; charset=utf-8", page_css, sizeof page_css},
    {"/assets/page.js", "text/javascript; charset=utf-8", page_js, sizeof page_js},
    {"/assets/charts.js", "text/javascript; charset=utf-8", charts_js, sizeof charts_js},
    {"/assets/icon.svg", "image/svg+xml", icon_svg, sizeof icon_svg},
};

size_t marlise_page_count(void) { return sizeof assets / sizeof assets[0]; }

bool marlise_page_get(size_t index, struct marlise_page_asset *asset) {
  if (index >= marlise_page_count()) return false;
  *asset = assets[index];
  return true;
}
