/**
 * Nothing the first time; then exponential with full jitter, so that clients that failed together do not come
 * back as a herd.
 */
export function backoffSeconds(attempt, baseSeconds, capSeconds) {
    if (attempt === 0)
        return 0;
    return Math.random() * Math.min(capSeconds, baseSeconds * 2 ** Math.min(attempt - 1, 32));
}
//# sourceMappingURL=backoff.js.map