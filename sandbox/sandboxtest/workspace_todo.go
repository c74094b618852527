package sandboxtest

var workspaceTests []test
