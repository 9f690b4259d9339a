/** An error that is shown to the user as a single line. A command that fails with a LabError exits with code 1. */
export class LabError extends Error {}
