package dialectv1

// Plausible is plausible, for tests.
var Plausible = plausible
