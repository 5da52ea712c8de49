export function deliver_events(): bool { return false; }
export function events_deliverable(): bool { return false; }
