package slacktest

// The limits that Check holds a message to, in characters (runes, as sent: &amp; is five) or items.
// Where they come from is in the package documentation.
const (
	maxText        = 40000 // chat.postMessage; more is cut by Slack, which loses what is behind
	wantText       = 4000  // more is split anywhere
	maxUpdateText  = 4000
	maxBlocks      = 50
	maxAllText     = 11340 // the smallest refusal that was seen is 11,341
	wantAllText    = 8000
	maxAttachments = 100
	maxMetadata    = 8000 // bytes

	maxID          = 255
	maxSection     = 3000
	maxFields      = 10
	maxField       = 2000
	maxHeader      = 150
	maxContext     = 10
	maxActions     = 25
	maxMarkdown    = 12000
	maxURL         = 3000
	maxAlt         = 2000
	maxButton      = 75
	maxValue       = 2000
	maxConfirm     = 100
	maxConfirmText = 300
	maxConfirmWord = 30
	maxOptions     = 100
	maxOverflow    = 5
	maxChecks      = 10
	maxOption      = 75
	maxOptionValue = 150
	maxPlaceholder = 150

	maxTableRows     = 100
	maxTableColumns  = 20
	maxTableText     = 10000
	maxDataRows      = 201
	maxDataTableText = 20000
	maxPageSize      = 100

	maxCharts     = 2
	maxChartTitle = 50
	maxSeries     = 12
	maxPoints     = 20
	maxLabel      = 20
	maxAxisLabel  = 50

	maxCardTitle  = 150
	maxCardBody   = 200
	maxCardButton = 3
	maxCarousel   = 10
	maxContainer  = 10
	maxTasks      = 50
	maxFeedback   = 5
)
