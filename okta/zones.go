package okta

import "context"

// Zone is a network zone, as
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/NetworkZone/ describes it.
type Zone struct {
	// ID is "nzo" and 17 letters or digits.
	ID string
	// Name is what an administrator called it.
	Name Opt[string]
	// Status is ACTIVE or INACTIVE.
	Status Opt[string]
}

// Zone reads a network zone. Errors are those of Token.
func (r *Reader) Zone(ctx context.Context, id string) (z Zone, err error) {
	if err := CheckZoneID(id); err != nil {
		return Zone{}, err
	}
	err = r.conn.get(ctx, "/api/v1/zones/"+id, func(body []byte) error {
		if err := whole(body); err != nil {
			return err
		}
		return members(body, func(key string, value []byte) error {
			switch key {
			case "id":
				z.ID = textField(value).Or("")
			case "name":
				z.Name = textField(value)
			case "status":
				z.Status = textField(value)
			}
			return nil
		})
	})
	return z, err
}
