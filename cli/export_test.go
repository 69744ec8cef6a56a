package cli

// DemoOrg is the org of the demo.
var DemoOrg = demoOrg
