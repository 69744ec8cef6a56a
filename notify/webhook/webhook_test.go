package webhook

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/notifytest"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
	"tokensweep/rules"
)

// answer answers with a status, and a header if there are two words for it.
func answer(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if len(header) == 2 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(status)
	}
}

// slow answers when nobody waits any more.
func slow(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// report is that of a run with three findings, the first of them new.
func report(run string, mode rules.Mode) *audit.Report {
	r := notifytest.Many(3, mode)
	r.ID, r.Started = run, time.Now()
	return r
}

func TestAReceiverGetsTheSummaryAndWhatIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := newReceiver(t)
		w := to.delivery(newBox(t))
		require.False(t, w.Begun())
		require.NoError(t, w.Report(t.Context(), report("run-1", rules.DryRun)))
		require.True(t, w.Begun())
		require.Equal(t, []string{"run-1/report-1"}, to.got)
		news := to.byID["run-1/report-1"]
		require.Equal(t, []any{"report", 1, 1}, []any{news.Event, news.Part, news.Parts})
		require.Equal(t, []string{"run-1", "dry-run", "https://acme.okta.com"},
			[]string{news.Run.ID, news.Run.Mode, news.Org.URL})
		require.Equal(t, map[string]int{"would-quarantine": 1, "pending": 1, "protected": 1}, news.Counts,
			"of all findings")
		require.Len(t, news.Findings, 1, "those that are news")
		require.Len(t, news.Vanished, 1)
		require.Len(t, news.Notes, 1)
		require.Equal(t, "application/json", to.requests[0].Header.Get("Content-Type"))
		require.Equal(t, http.MethodPost, to.requests[0].Method)
	})
}

func TestAnEnforcingRunIsAnnouncedAndThenReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, box := newReceiver(t), newBox(t)
		w := to.delivery(box)
		r := report("run-1", rules.Enforce)
		r.Before = true
		via, err := w.Announce(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, "webhook", via)
		r.Before = false
		require.NoError(t, w.Report(t.Context(), notifytest.Act(r)))
		require.Equal(t, []string{"run-1/announcement-1", "run-1/report-1"}, to.got)
		announced, reported := to.byID[to.got[0]], to.byID[to.got[1]]
		require.Equal(t, "announcement", announced.Event)
		require.Len(t, announced.Findings, 2, "what is due, and what is announced")
		require.Equal(t, "quarantined", reported.Findings[0].Outcome)
		require.Empty(t, box.Past().Undelivered)

		quiet := report("run-2", rules.Enforce)
		quiet.Findings = quiet.Findings[1:]
		w = to.delivery(box)
		_, err = w.Announce(t.Context(), quiet)
		require.NoError(t, err)
		require.False(t, w.Begun(), "there is nothing to announce")
	})
}

func TestWhatTheReceiverAnswers(t *testing.T) {
	for name, row := range map[string]struct {
		answers []http.HandlerFunc
		tries   int
		took    time.Duration
		says    string // of the error; "" if it is delivered
	}{
		"any 2xx":             {answers: []http.HandlerFunc{answer(202)}, tries: 1},
		"500, then 200":       {answers: []http.HandlerFunc{answer(500)}, tries: 2, took: 5 * time.Second},
		"it hangs up once":    {answers: []http.HandlerFunc{hangUp}, tries: 2, took: 5 * time.Second},
		"no answer, then one": {answers: []http.HandlerFunc{slow}, tries: 2, took: 15 * time.Second},
		"later, as it says": {
			answers: []http.HandlerFunc{answer(429, "Retry-After", "30")}, tries: 2, took: 30 * time.Second,
		},
		"later than there is time for": {
			answers: []http.HandlerFunc{answer(503, "Retry-After", "3600")}, tries: 1,
			says: "the receiver answered 503",
		},
		"500 always": {
			answers: []http.HandlerFunc{answer(500), answer(502), answer(500)}, tries: 3, took: 15 * time.Second,
			says: "delivering the report (report-1) to the webhook: the receiver answered 500",
		},
		"never an answer": {
			answers: []http.HandlerFunc{slow, slow, slow}, tries: 3, took: 45 * time.Second,
			says: "no answer within 10s",
		},
		"a redirect": {
			answers: []http.HandlerFunc{answer(307, "Location", urlCanary+"/elsewhere")}, tries: 1,
			says: "the receiver answered 307, and no redirect is followed",
		},
		"another secret": {answers: []http.HandlerFunc{answer(401)}, tries: 1, says: "check TOKENSWEEP_WEBHOOK_SECRET"},
		"another place":  {answers: []http.HandlerFunc{answer(404)}, tries: 1, says: "check TOKENSWEEP_WEBHOOK_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to, box := newReceiver(t, row.answers...), newBox(t)
				began := time.Now()
				err := to.delivery(box).Report(t.Context(), report("run-1", rules.DryRun))
				require.Equal(t, row.took, time.Since(began))
				synctest.Wait() // for a handler whose client didn't
				require.Len(t, to.requests, row.tries)
				signatures := make(map[string]bool)
				for i, req := range to.requests {
					require.Equal(t, "run-1/report-1", req.Header.Get("X-Tokensweep-Delivery"), "the same on every try")
					require.Equal(t, to.bodies[0], to.bodies[i])
					signatures[req.Header.Get("X-Tokensweep-Signature")] = true
				}
				require.Len(t, signatures, row.tries, "signed anew for each try")
				if row.says == "" {
					require.NoError(t, err)
					require.Empty(t, box.Past().Undelivered)
					return
				}
				require.ErrorContains(t, err, row.says)
				require.NotContains(t, err.Error(), "canary")
				require.Len(t, box.Past().Undelivered, 1)
			})
		})
	}
}

func TestAReplayIsKnownOrTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := newReceiver(t)
		require.NoError(t, to.delivery(newBox(t)).Report(t.Context(), report("run-1", rules.DryRun)))
		require.Equal(t, http.StatusNoContent, to.again(0))
		require.Equal(t, 1, to.refused, "it is known, and does nothing")
		time.Sleep(5*time.Minute + time.Second)
		require.Equal(t, http.StatusUnauthorized, to.again(0))
		to.requests[0].Header.Set("X-Tokensweep-Timestamp", fmt.Sprint(time.Now().Unix()))
		require.Equal(t, http.StatusUnauthorized, to.again(0), "the time is signed")
		require.Len(t, to.got, 1)
	})
}

func TestWhatWasNotDeliveredTheNextRunDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := []http.HandlerFunc{answer(500), answer(500), answer(500)}
		to, box := newReceiver(t, down...), newBox(t)
		require.Error(t, to.delivery(box).Report(t.Context(), report("run-1", rules.DryRun)))
		body := to.bodies[0]
		require.NoError(t, box.Ledger.Close())
		time.Sleep(time.Hour)

		box = reopened(t, box.Ledger.Store().String())
		require.NoError(t, to.delivery(box).Report(t.Context(), report("run-2", rules.DryRun)))
		require.Equal(t, []string{"run-2/report-1", "run-1/report-1"}, to.got)
		require.Equal(t, string(body), string(to.bodies[len(to.bodies)-1]), "byte for byte")
		require.Empty(t, box.Past().Undelivered)
	})
}

func TestAReportThatIsTooOldIsGivenUpAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, box := newReceiver(t, answer(410)), newBox(t)
		require.ErrorContains(t, to.delivery(box).Report(t.Context(), report("run-1", rules.DryRun)), "410")
		time.Sleep(outbox.GiveUpAfter + time.Hour)
		to.answers = []http.HandlerFunc{answer(204), answer(410)} // its own is taken, the old one is not
		err := to.delivery(box).Report(t.Context(), report("run-2", rules.DryRun))
		require.ErrorContains(t, err, "the report of the run run-1")
		require.ErrorContains(t, err, "it is given up")
		require.Empty(t, box.Past().Undelivered)
		require.NoError(t, to.delivery(box).Report(t.Context(), report("run-3", rules.DryRun)))
	})
}

func TestARunThatDiedIsToldOfByTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, box := newReceiver(t), newBox(t)
		_, err := box.Ledger.Append(ledger.Record{Kind: ledger.Begun, Run: "run-1", Org: "https://acme.okta.com"})
		require.NoError(t, err)
		r := report("run-1", rules.Enforce)
		r.Before = true
		_, err = to.delivery(box).Announce(t.Context(), r)
		require.NoError(t, err)
		intent, err := box.Ledger.Append(ledger.Record{
			Kind: ledger.Intent, Run: "run-1", Token: "00T1", Step: ledger.StepRevoke, By: ledger.ByRun,
		})
		require.NoError(t, err)
		to.answers = []http.HandlerFunc{nil, answer(404)} // its own report is taken, that of run-1 is not
		require.Error(t, to.delivery(box).Report(t.Context(), report("run-2", rules.Enforce)))
		asked := to.bodies[len(to.bodies)-1]
		_, err = box.Ledger.Append(ledger.Record{
			Kind: ledger.Outcome, Run: "run-3", Ref: intent.Seq, Result: ledger.ResultRevoked, Settled: true,
		})
		require.NoError(t, err)
		require.NoError(t, to.delivery(box).Report(t.Context(), report("run-3", rules.Enforce)))
		require.Equal(t, []string{
			"run-1/announcement-1", "run-2/report-1", "run-3/report-1", "run-1/interrupted-1",
		}, to.got)
		require.Equal(t, string(asked), string(to.bodies[len(to.bodies)-1]), "the same on every try")
		news := to.byID["run-1/interrupted-1"]
		require.Equal(t, []string{"interrupted", "run-1"}, []string{news.Event, news.Run.ID})
		require.Equal(t, "failed", news.Findings[0].Outcome)
	})
}

func TestALongReportComesInPartsOfWhichNoneComesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, box := newReceiver(t), newBox(t)
		r := notifytest.Many(2000, rules.DryRun)
		r.ID = "run-1"
		for i := range r.Findings {
			r.Findings[i].Change = audit.New
		}
		to.answers = []http.HandlerFunc{nil, answer(404)} // the first is taken, and the second is not
		require.Error(t, to.delivery(box).Report(t.Context(), r))
		require.NoError(t, to.delivery(box).Report(t.Context(), report("run-2", rules.DryRun)))
		seen := make(map[string]bool)
		parts := 0
		for _, id := range to.got {
			news := to.byID[id]
			if news.Run.ID != "run-1" {
				continue
			}
			parts++
			require.Equal(t, fmt.Sprintf("run-1/report-%d", news.Part), id)
			for _, f := range news.Findings {
				require.False(t, seen[f.Token.ID])
				seen[f.Token.ID] = true
			}
		}
		require.Len(t, seen, 2000)
		require.Greater(t, parts, 2)
		require.Equal(t, parts, to.byID["run-1/report-1"].Parts)
		require.Zero(t, to.refused)
		for _, body := range to.bodies {
			require.LessOrEqual(t, len(body), maxBody)
		}
	})
}

func TestAReceiverThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := newReceiver(t)
		require.NoError(t, to.Close())
		w := to.delivery(newBox(t))
		r := report("run-1", rules.Enforce)
		_, err := w.Announce(t.Context(), r)
		require.ErrorContains(t, err, "connection refused")
		require.NotContains(t, err.Error(), "canary")
		require.Equal(t, audit.Failure, w.Check(t.Context())[0].Status)
	})
}

func TestDoctorDeliversNothing(t *testing.T) {
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		want   audit.Status
		says   string
	}{
		"it answers":            {answer(405), audit.Good, "405"},
		"it answers elsewhere":  {answer(301, "Location", "https://elsewhere.example"), audit.Warning, "no redirect"},
		"it answers not at all": {slow, audit.Failure, "no answer within 10s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to := newReceiver(t, row.answer)
				checks := to.delivery(outbox.Box{}).Check(t.Context())
				synctest.Wait() // for a handler whose client didn't
				require.Len(t, checks, 1)
				require.Equal(t, row.want, checks[0].Status)
				require.Contains(t, checks[0].Detail, row.says)
				require.Len(t, to.requests, 1)
				require.Equal(t, http.MethodHead, to.requests[0].Method)
				require.Empty(t, to.requests[0].Header.Get("X-Tokensweep-Signature"))
				require.NotContains(t, checks[0].Detail+checks[0].Advice, "canary")
			})
		})
	}
}

func TestWhatIsNoWebhook(t *testing.T) {
	for address, key := range map[string]string{
		"http://canary.example/x": "k", "https://user:canary@hooks.example": "k", "canary": "k",
		"https://hooks.example/x": "",
	} {
		_, err := New(Config{URL: okta.NewSecret(address), Secret: okta.NewSecret(key)})
		require.Error(t, err, address)
		require.NotContains(t, err.Error(), "canary")
	}
	_, err := New(Config{URL: okta.NewSecret("https://hooks.example/x?k=1"), Secret: okta.NewSecret("k")})
	require.NoError(t, err)
	_, err = New(Config{URL: okta.NewSecret("http://[::1]:8080/x"), Secret: okta.NewSecret("k")})
	require.NoError(t, err)
}

// The example of docs/webhook.md, as openssl computes it.
func TestASignatureByHand(t *testing.T) {
	got := sign(okta.NewSecret("It's a Secret to Everybody"), "1795510800", "20261124T090000Z-7c1f2a/report-1",
		[]byte(`{"schema":1}`))
	require.Equal(t, "v1=abdbe72bb0b438a091c0e3f0b5d692a8f4840074623abfc23d0748b3204c7ccb", got)
	docs, err := os.ReadFile("../../docs/webhook.md")
	require.NoError(t, err)
	require.Contains(t, string(docs), strings.TrimPrefix(got, "v1="))
}
