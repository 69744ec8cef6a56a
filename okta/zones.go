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
func (r *Reader) Zone(ctx context.Context, id string) (Zone, error) {
	if err := CheckZoneID(id); err != nil {
		return Zone{}, err
	}
	z := Zone{ID: id}
	err := r.conn.get(ctx, zoneSubject(id), func(body []byte) (is Opt[string], err error) {
		err = members(body, func(key string, value []byte) error {
			switch key {
			case "id":
				is = textField(value)
			case "name":
				z.Name = textField(value)
			case "status":
				z.Status = textField(value)
			}
			return nil
		})
		return is, err
	})
	if err != nil {
		return Zone{}, err
	}
	return z, nil
}
