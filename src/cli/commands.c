#include "cli/cli.h"

/* clang-format off */
const struct command *const cli_commands[] = {
	&command_serve,
	&command_run,
	&command_check,
	&command_doctor,
	&command_key,
	&command_report,
	&command_session,
	&command_top,
	&command_export,
	&command_import,
	&command_price,
	&command_tokens,
	&command_demo,
	&command_freeze,
	&command_unfreeze,
	&command_gate,
	&command_budget,
	&command_triage,
	&command_alert,
	&command_forecast,
	&command_anomaly,
	&command_savings,
	NULL,
};
/* clang-format on */
