/* The console's style sheet: light and dark, wide and narrow. */
#ifndef WEIR_GATEWAY_CONSOLE_STYLE_H
#define WEIR_GATEWAY_CONSOLE_STYLE_H

extern const char console_style[];

#endif
