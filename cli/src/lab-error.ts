/** What went wrong, in one line for whoever typed the command. Ends the command with 1. */
export class LabError extends Error {}
